/** @file Downloads what the demo needs into UNTANGLE_HOME and converts nothing: run before the demo's clock starts. */
import { loadDocuments, textSource } from '../src/data/text.ts';
import { fetchNamed } from '../src/models/fetch.ts';
import { namedModels } from '../src/models/registry.ts';

const progress = () => {};
await fetchNamed(namedModels.find((model) => model.name === 'smollm2-135m')!, { progress });
await loadDocuments(textSource('wikipedia-leads'), { progress });
