export { type FrameOptions, frameContext } from './frame-context.ts';
export { type Frame, type ReadOptions, type ReadResult, readContext } from './read-context.ts';
export { type ReceivedFrame, readFrames } from './read-frames.ts';
export { writeFrames } from './write-frames.ts';
