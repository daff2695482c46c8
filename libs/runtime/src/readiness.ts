/** What must hold before this process can do its work: `/health/ready` is green when every check is. */
export class Readiness {
  private readonly checks = new Map<string, () => Promise<string | undefined> | string | undefined>();

  /** `check` answers undefined when all is well, else a sentence that says what is not. A name given again replaces the check. */
  add(name: string, check: () => Promise<string | undefined> | string | undefined): void {
    this.checks.set(name, check);
  }

  /** Name → undefined or what is wrong. A check that throws is down with its message. */
  async look(): Promise<Map<string, string | undefined>> {
    const names = [...this.checks.keys()];
    const found = await Promise.all(
      names.map(async (name) => {
        try {
          return await this.checks.get(name)!();
        } catch (error) {
          return error instanceof Error ? error.message : String(error);
        }
      }),
    );
    return new Map(names.map((name, i) => [name, found[i]]));
  }
}
