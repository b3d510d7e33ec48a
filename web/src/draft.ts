/* What stands in the form for a new job, so that a look at another page loses nothing, and a job can serve as a template. */
let draft = '';

export const keepForm = (text: string): void => {
  draft = text;
};
export const keptForm = (): string => draft;
