import Parser from './parser';

export default function Page() {
  return <Parser />;
}
