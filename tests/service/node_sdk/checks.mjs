// How a step says that something went wrong: it throws, and main.mjs ends with 1.

import { inspect, isDeepStrictEqual } from "node:util";
import { Errors } from "@scaleway/sdk-client";

export const UNKNOWN = "11111111-2222-4333-8444-555555555555";

export class Wrong extends Error {}

export function same(what, found, expected) {
  if (isDeepStrictEqual(found, expected)) return;
  throw new Wrong(`${what}: expected ${inspect(expected)}, found ${inspect(found)}`);
}

export function holds(what, condition) {
  if (!condition) throw new Wrong(what);
}

// The call has to be refused with an error of this very class, as an application would tell errors
// apart, and with these fields. Gives the error.
export async function refused(what, call, Kind, fields) {
  let found;
  try {
    found = await call();
  } catch (error) {
    if (error?.constructor !== Kind) {
      throw new Wrong(`${what}: expected ${Kind.name}, found ${error?.constructor?.name}: ${error?.message}`);
    }
    const names = Object.keys(fields);
    same(`${what}: its fields`, Object.fromEntries(names.map((name) => [name, error[name]])), fields);
    holds(`${what}: no message`, typeof error.body.message === "string" && error.body.message);
    return error;
  }
  throw new Wrong(`${what}: expected ${Kind.name}, found an answer of the type ${typeof found}`);
}

// The call has faults in these arguments for these reasons, each of which is told in words too.
export async function faulty(what, call, expected) {
  const { details } = await refused(what, call, Errors.InvalidArgumentsError, { status: 400 });
  same(`${what}: why`, details.map(({ argumentName, reason }) => [argumentName, reason]), expected);
  holds(`${what}: in words`, details.every(({ helpMessage }) => helpMessage));
}

// As the APIs tell it that say what it is that isn't there.
export async function missing(what, call, resource, resourceId) {
  const fields = { status: 404, resource, resourceId };
  await refused(what, call, Errors.ResourceNotFoundError, fields);
}

export function ids(items, key = "id") {
  return items.map((item) => item[key]);
}

// When something was made or changed: a Date of the last minutes.
export function isRecent(what, date) {
  holds(`${what}: expected a Date, found ${inspect(date)}`, date instanceof Date);
  const age = Date.now() - date.getTime();
  holds(`${what}: ${date.toISOString()} is no time of this run`, age > -2_000 && age < 600_000);
}

// Each way in which the SDK turns pages finds exactly these items, in this order. It asks for all
// pages at the same time, by the first page's length and `totalCount`. Items are known by their id,
// or by what `key` names; a list that has no other order has no `backwards`.
export async function pages(what, list, request, expected, { key = "id", backwards = "created_at_desc" } = {}) {
  for (const pageSize of [undefined, 1, 2, 3, 100]) {
    const sized = { ...request, pageSize };
    const place = `${what}, pages of ${pageSize ?? "whatever size"}`;
    same(`${place}: all`, ids(await list(sized).all(), key), expected);
    const seen = [];
    for await (const page of list(sized)) seen.push(...ids(page, key));
    same(`${place}: one after the other`, seen, expected);
    const first = await list(sized);
    same(`${place}: totalCount`, first.totalCount, expected.length);
    const length = Math.min(expected.length, pageSize ?? 20);
    same(`${place}: the first`, ids(items(first), key), expected.slice(0, length));
  }
  if (backwards) {
    const reversed = await list({ ...request, orderBy: backwards, pageSize: 2 }).all();
    same(`${what}: backwards`, ids(reversed, key), expected.toReversed());
  }
  const behind = await list({ ...request, page: expected.length + 1, pageSize: 1 });
  same(`${what}: behind the end`, [items(behind), behind.totalCount], [[], expected.length]);
}

function items(page) {
  return Object.values(page).find(Array.isArray);
}

export function claims(token) {
  return JSON.parse(Buffer.from(token.split(".")[1], "base64url").toString());
}
