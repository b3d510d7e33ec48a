/* Where the reader is, kept in the address: #/jobs?q=failed, #/jobs/job_01...?x=rows&smooth=0.6, #/new. A reload or a shared link
 * shows the same view. */

export interface Route {
  page: 'jobs' | 'job' | 'new' | 'missing';
  id: string; /* of the job, '' elsewhere */
  query: URLSearchParams;
}

export function parse(hash: string): Route {
  const text = hash.replace(/^#/, '');
  const cut = text.indexOf('?');
  const path = cut < 0 ? text : text.slice(0, cut);
  const query = new URLSearchParams(cut < 0 ? '' : text.slice(cut + 1));
  const parts = path.split('/').filter(Boolean);
  if (parts.length === 0 || (parts.length === 1 && parts[0] === 'jobs')) return { page: 'jobs', id: '', query };
  if (parts.length === 1 && parts[0] === 'new') return { page: 'new', id: '', query };
  if (parts.length === 2 && parts[0] === 'jobs') return { page: 'job', id: decode(parts[1]!), query };
  return { page: 'missing', id: '', query };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export const toJobs = '#/jobs';
export const toNew = '#/new';
export const toJob = (id: string): string => `#/jobs/${encodeURIComponent(id)}`;

export function go(hash: string): void {
  location.hash = hash;
}

/** Change one value of the address in place, without a step in the history. '' removes it. */
export function setQuery(name: string, value: string): void {
  const route = parse(location.hash);
  if (value === '') route.query.delete(name);
  else route.query.set(name, value);
  const path = location.hash.replace(/^#/, '').split('?')[0] || '/jobs';
  const query = route.query.toString();
  history.replaceState(null, '', `#${path}${query ? `?${query}` : ''}`);
  dispatchEvent(new HashChangeEvent('hashchange'));
}
