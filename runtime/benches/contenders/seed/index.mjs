// The functions of the design that Footfall comes from: ClojureScript, read by nbb when Lambda starts them. One
// package has both handlers, and each function loads the two of them.
import { loadFile } from 'nbb';

export const { handler: track } = await loadFile('track.cljs');
export const { handler: dashboard } = await loadFile('dashboard.cljs');
