import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { traceContext, tracedFetch, traceErrors } from '@throughline/express';
import express from 'express';

/** The service that clients call: Express, with a call to the one behind it on every route. */
export function frontListener() {
  const back = process.env.BACK_URL;
  const app = express();
  app.use(traceContext());

  app.get('/items/:id', async (req, res) => {
    const answer = await tracedFetch(`${back}/items/${req.params.id}`);
    res.json(await answer.json());
  });

  app.get('/moved', async (_req, res) => {
    const answer = await tracedFetch(`${back}/moved`);
    res.json(await answer.json());
  });

  // An error to the one who asked, not to the one who answered.
  app.get('/missing', async (_req, res) => {
    const answer = await tracedFetch(`${back}/nothing`);
    res.json({ back: answer.status });
  });

  app.get('/failing', async () => {
    const answer = await tracedFetch(`${back}/failing`);
    throw new Error(`back answered ${answer.status}`);
  });

  // A client that leaves takes the call behind along: the pipeline breaks, and with it the body that is read.
  const passOn = async (path: string, res: express.Response) => {
    const { body } = await tracedFetch(`${back}${path}`);
    if (body) await pipeline(Readable.fromWeb(body), res).catch(() => undefined);
  };
  app.get('/stream', (_req, res) => passOn('/stream', res));
  app.get('/hanging', (_req, res) => passOn('/hanging', res));

  app.use(traceErrors());
  app.use((_error: unknown, _req: express.Request, res: express.Response, next: express.NextFunction) => {
    if (res.headersSent) return next();
    res.status(500).json({ error: 'failed' });
  });
  return app;
}
