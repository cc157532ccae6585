// A broker in a process group of its own: `broker.ts <service>`, one of test/integration/services.
const [name = ''] = process.argv.slice(2);
const { [name]: service } = await import(`../../integration/services/${name}.ts`);
const missing = service.missing();
const broker = missing === undefined ? await service.start() : undefined;

const commands: { [name: string]: () => unknown } = {
  url: () => ({ url: broker?.url, description: broker?.description, missing }),
  stop: () => broker?.stop(),
};

process.on('message', async ({ id, command }: { id: number; command: string }) => {
  process.send?.({ id, answer: await commands[command]?.() });
});
process.on('disconnect', async () => {
  await broker?.stop();
  process.exit();
});
process.send?.({ ready: 0 });
