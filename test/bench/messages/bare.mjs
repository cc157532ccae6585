/** The client alone. */
export default { title: 'the client alone', expects: { spans: false }, start: () => ({}) };
