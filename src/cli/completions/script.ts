/** The completion script of a shell; undefined for a shell that velos does not know. */
export const completionScript = async (shell: string): Promise<string | undefined> => {
  void shell;
  return undefined;
};
