// The functions of the design that Footfall grew out of. They are ClojureScript, which nbb interprets when Lambda starts
// them. Both handlers are in one package, and each function loads both.
import { loadFile } from 'nbb';

export const { handler: track } = await loadFile('track.cljs');
export const { handler: dashboard } = await loadFile('dashboard.cljs');
