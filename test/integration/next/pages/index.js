export default function Page({ greeting }) {
  return greeting;
}

export const getServerSideProps = async () => ({ props: { greeting: 'hello' } });
