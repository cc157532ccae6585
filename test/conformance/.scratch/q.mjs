import { createServer } from 'node:http';
import net from 'node:net';

const s = createServer((req, res) => {
  console.log(req.url, 'sock', res.socket === null);
  const o = res.emit;
  res.emit = function (e, ...a) {
    console.log(req.url, 'res', e, {
      sock: res.socket === null,
      wf: res.writableFinished,
      err: res.errored,
      re: req.socket?.readableEnded,
      se: req.socket?.errored?.code,
      d: req.socket?.destroyed,
    });
    return o.call(this, e, ...a);
  };
  if (res.socket === null)
    req.socket.once('close', () =>
      console.log(req.url, 'socket close', {
        sock: res.socket === null,
        hs: res.headersSent,
        re: req.socket?.readableEnded,
        se: req.socket?.errored?.code,
      }),
    );
  if (req.url !== '/1') res.end('x');
});
await new Promise((r) => s.listen(0, '127.0.0.1', r));
for (const how of ['destroy', 'resetAndDestroy']) {
  const c = net.connect(s.address().port, '127.0.0.1');
  c.write('GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n');
  setTimeout(() => c[how](), 50);
  await new Promise((r) => setTimeout(r, 100));
}
s.close();
