/** @file The frame around every page: rail, top bar, page, inspector. */
import { Component, type ReactNode, useEffect } from 'react';
import { useLive } from './api/store.ts';
import { Command } from './frame/command.tsx';
import { Inspector } from './frame/inspector.tsx';
import { pageList } from './frame/pages.ts';
import { Rail } from './frame/rail.tsx';
import { Search } from './frame/search.tsx';
import { BiasPage } from './pages/bias/bias-page.tsx';
import { CircuitPage } from './pages/circuit/circuit-page.tsx';
import { EditPage } from './pages/edit.tsx';
import { EnergyPage } from './pages/energy/energy-page.tsx';
import { FeaturesPage } from './pages/features/features-page.tsx';
import { GlossaryPage } from './pages/glossary.tsx';
import { MechanicsPage } from './pages/mechanics/mechanics-page.tsx';
import { ModelPage } from './pages/model.tsx';
import { Overview } from './pages/overview/overview.tsx';
import { SuperpositionPage } from './pages/superposition/superposition-page.tsx';
import { TextPage } from './pages/text.tsx';
import { Link, type Place, usePlace } from './router.tsx';
import { Failed, Told } from './ui/told.tsx';

export function App() {
  const { study, connection } = useLive();
  const place = usePlace();
  const page = pageList.find((one) => one.path !== '/' && place.path.startsWith(one.path)) ?? pageList[0];
  const name = page?.name;
  useEffect(() => {
    document.title = name && name !== 'Overview' ? `${name} · Untangle` : 'Untangle';
  }, [name]);
  return (
    <div className="frame">
      <a className="skip" href="#page">
        Skip to the page
      </a>
      <Rail />
      <header className="top">
        <span className="study" title={study?.name}>
          {study?.name ?? ''}
        </span>
        <Search />
        <Command />
      </header>
      <main className="page" id="page" tabIndex={-1}>
        {connection === 'lost' && study && (
          <p className="lost" role="status">
            The study has ended or does not answer; what you see is its last state.
          </p>
        )}
        <Boundary key={place.path}>
          <Body place={place} />
        </Boundary>
      </main>
      <Inspector place={place} />
    </div>
  );
}

function Body({ place }: { place: Place }) {
  const { study, connection } = useLive();
  if (place.parts[0] === 'mechanics') return <MechanicsPage />;
  if (place.parts[0] === 'superposition') return <SuperpositionPage />;
  if (!study && connection === 'lost') {
    return (
      <Failed
        error={{
          code: 'studio.unreachable',
          message: 'the Studio’s server does not answer',
          hint: 'start it again with `npm start`; this page goes on by itself',
        }}
      />
    );
  }
  if (!study) return <Told title="Asking the study …" />;
  switch (place.parts[0]) {
    case undefined:
      return <Overview study={study} />;
    case 'model':
      return <ModelPage results={study.results} />;
    case 'text':
      return <TextPage results={study.results} />;
    case 'features':
      return <FeaturesPage study={study} place={place} />;
    case 'circuit':
      return <CircuitPage results={study.results} task={place.parts[1]} />;
    case 'energy':
      return <EnergyPage study={study} task={place.parts[1]} />;
    case 'edit':
      return <EditPage results={study.results} />;
    case 'bias':
      return <BiasPage name={place.parts[1]} />;
    case 'glossary':
      return <GlossaryPage />;
    default:
      return (
        <Told title="There is no such page">
          <p>
            Nothing is at {place.path}. <Link to="/">Go to the overview.</Link>
          </p>
        </Told>
      );
  }
}

/** A page that breaks says so; the frame stays. */
class Boundary extends Component<{ children: ReactNode }, { error?: Error }> {
  override state: { error?: Error } = {};

  static getDerivedStateFromError(error: Error) {
    return { error };
  }

  override render() {
    const { error } = this.state;
    if (!error) return this.props.children;
    return (
      <Failed
        error={{
          code: 'internal',
          message: error.message,
          hint: 'This is a fault of Untangle: please report it with the command at the top.',
        }}
        retry={() => this.setState({ error: undefined })}
      />
    );
  }
}
