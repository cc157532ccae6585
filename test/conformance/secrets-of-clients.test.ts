import http from 'node:http';
import { inspect } from 'node:util';
import { tracedJob } from '@throughline/core';
import { createHttpServerTracer } from '@throughline/http-semantics';
import amqp from 'amqplib';
import axios from 'axios';
import got from 'got';
import { Redis } from 'ioredis';
import ky from 'ky';
import nodeFetch from 'node-fetch';
import superagent from 'superagent';
import { request } from 'undici';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Recorder, startSdk, stopSdk } from '../../packages/core/test/sdk.ts';

let spans: Recorder;
beforeEach(() => {
  spans = startSdk();
});
afterEach(stopSdk);

const S = 'S3CRETvalue';
const CLOSED = `http://user:${S}@127.0.0.1:1/?sig=${S}`;
const bearer = { headers: { authorization: `Bearer ${S}` } };
const illegal = { headers: { authorization: `Bearer ${S}\n${S}` } };

/** Calls of an application that fail, with an error that may hold what they were given. */
const CALLS: Record<string, () => unknown> = {
  'URL: an address that is none': () => new URL(`http://user:${S}@[bad/`),
  'URL: no base': () => new URL(`//user:${S}@host/?token=${S}`),
  'fetch: credentials': () => fetch(CLOSED),
  'fetch: a port that is none': () => fetch(`http://127.0.0.1:99999/?token=${S}`),
  'fetch: a password with spaces': () => fetch(`http://user:${S} ${S}@127.0.0.1:99999/`),
  'fetch: a header with a line break': () => fetch('http://127.0.0.1:1/', illegal),
  'fetch: a header for a name': () => fetch('http://127.0.0.1:1/', { headers: { [`x ${S}`]: 'a' } }),
  'undici: a port that is none': () => request(`http://user:${S}@127.0.0.1:99999/`),
  'undici: credentials': () => request(CLOSED, bearer),
  'undici: a header with a line break': () => request('http://127.0.0.1:1/', illegal),
  'node:http: credentials': () => new Promise((_, reject) => http.get(CLOSED, bearer).on('error', reject)),
  'node:http: a scheme that is none': () => http.get(`ftp://user:${S}@127.0.0.1/?sig=${S}`),
  'node:http: a path with spaces': () => http.get({ host: '127.0.0.1', path: `/ ?token=${S}` }),
  'node:http: a header with a line break': () => http.get('http://127.0.0.1:1/', illegal),
  'axios: credentials': () => axios.get(CLOSED, bearer),
  'axios: a scheme that is none': () => axios.get(`httpx://user:${S}@127.0.0.1/?sig=${S}`),
  'got: credentials': () => got(CLOSED, { ...bearer, retry: { limit: 0 } }),
  'got: no scheme': () => got(`user:${S}@127.0.0.1/?sig=${S}`, { retry: { limit: 0 } }),
  'ky: credentials': () => ky(CLOSED, { ...bearer, retry: 0 }),
  'node-fetch: credentials': () => nodeFetch(CLOSED, bearer),
  'superagent: credentials': () => superagent.get(CLOSED).set(bearer.headers),
  'amqplib: nobody there': () => amqp.connect(`amqp://user:${S}@127.0.0.1:1/v?token=${S}`),
  'amqplib: a scheme that is none': () => amqp.connect(`amqpx://user:${S}@127.0.0.1:1/v`),
  'amqplib: a password with a slash': () => amqp.connect(`amqp://user:${S}/${S}@127.0.0.1:1/v`),
  'ioredis: a port that is none': () =>
    new Redis(`redis://user:${S}@127.0.0.1:99999999`, { lazyConnect: true }),
  'JSON: a body that is none': () => JSON.parse(`{"token":"${S}" x`),
};

describe('an error of a real client, thrown on', () => {
  test.each(Object.entries(CALLS))('%s', async (_, call) => {
    const exchange = createHttpServerTracer().start({
      method: 'GET',
      target: '/',
      scheme: 'http',
      headers: {},
    });
    let thrown: unknown;
    const job = tracedJob('call', async () => call());
    await exchange.run(job).catch((error: unknown) => {
      thrown = error;
    });
    expect(thrown).toBeInstanceOf(Error);
    const { message, stack } = thrown as Error;
    exchange.fail(thrown);
    exchange.end({ statusCode: 500 });
    const ended = await spans.take(2);
    for (const { events } of ended) expect(events.map(({ name }) => name)).toEqual(['exception']);
    const recorded = ended.map(({ name, attributes, events, status }) => [name, attributes, events, status]);
    expect(inspect(recorded, { depth: 9 })).not.toContain(S);
    // The application gets what the client threw.
    expect([(thrown as Error).message, (thrown as Error).stack]).toEqual([message, stack]);
  });
});
