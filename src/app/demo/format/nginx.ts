import { clfTime } from '../stamp.ts';

export interface NginxAccess {
  readonly timeUs: number;
  readonly clientAddress: string;
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly bytes: number;
  readonly referer: string;
  readonly userAgent: string;
}

/** NGINX's `combined`. */
export const nginxLine = (access: NginxAccess): string => {
  const { clientAddress, timeUs, method, path, status, bytes, referer, userAgent } = access;
  const request = `"${method} ${path} HTTP/2.0" ${status} ${bytes}`;
  return `${clientAddress} - - [${clfTime(timeUs)}] ${request} "${referer}" "${userAgent}"`;
};
