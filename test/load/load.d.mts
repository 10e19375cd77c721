export interface LoadOptions {
  url?: string;
  socketPath?: string;
  clients?: number;
  keepAlive?: boolean;
  durationMs?: number;
  requests?: number;
  timeoutMs?: number;
  by?: string;
  headers?: Record<string, string>;
  onFailure?: (failure: { error: string; at: number }) => void;
}

export interface LoadCounts {
  requests: number;
  ok: number;
  failed: number;
  hung: number;
  connections: number;
}

export interface LoadReport extends LoadCounts {
  errors: Record<string, number>;
  statuses: Record<string, number>;
  durationMs: number;
  requestsPerSecond: number;
  latencyMs: { p50: number; p90: number; p99: number; p999: number; max: number };
  perInstance?: Record<string, number>;
  busiestToQuietest?: number;
}

export interface Load {
  finished: Promise<LoadReport>;
  counts: LoadCounts;
  stop: () => Promise<LoadReport>;
}

export declare const startLoad: (options: LoadOptions) => Load;
