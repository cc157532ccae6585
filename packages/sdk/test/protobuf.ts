/** One field of a protobuf message: bytes for length-delimited ones, a number for the others. */
interface Field {
  readonly number: number;
  readonly value: Buffer | number;
}

const FIXED_64 = 1;
const LENGTH_DELIMITED = 2;
const FIXED_32 = 5;

/** Reads the fields of a protobuf message, in their order. */
function* fieldsOf(message: Buffer): Generator<Field> {
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let shift = 1; ; shift *= 128) {
      const byte = message.readUInt8(at++);
      value += (byte & 127) * shift;
      if (byte < 128) return value;
    }
  };
  while (at < message.length) {
    const tag = varint();
    const number = Math.floor(tag / 8);
    const type = tag % 8;
    if (type === LENGTH_DELIMITED) {
      const length = varint();
      yield { number, value: message.subarray(at, at + length) };
      at += length;
    } else if (type === FIXED_64 || type === FIXED_32) {
      yield { number, value: 0 };
      at += type === FIXED_64 ? 8 : 4;
    } else yield { number, value: varint() };
  }
}

/** The messages in a repeated field. */
export function messages(message: Buffer, number: number): Buffer[] {
  return [...fieldsOf(message)].flatMap((field) =>
    field.number === number && Buffer.isBuffer(field.value) ? [field.value] : [],
  );
}

/** The text of a field, in an encoding; '' when it is absent. */
export function text(message: Buffer, number: number, encoding: BufferEncoding = 'utf8'): string {
  return messages(message, number)[0]?.toString(encoding) ?? '';
}
