// Runs a WASI program in V8, for `cargo bench`: node wasi.mjs PROGRAM [ARGUMENT ...]
import { readFile } from "node:fs/promises";
import { WASI } from "node:wasi";

const here = process.cwd();
const args = process.argv.slice(2);
const wasi = new WASI({
  version: "preview1",
  args,
  // Apart from the native results, which criterion would compare these with.
  env: { CRITERION_HOME: `${here}/target/criterion-wasm` },
  preopens: { [here]: here },
});
const module = await WebAssembly.compile(await readFile(args[0]));
// The proxy's functions, which the library imports for the filter, and which no benchmark calls.
const env = {};
for (const { module: from, name } of WebAssembly.Module.imports(module)) {
  if (from === "env") {
    env[name] = () => {
      throw new Error(`there is no proxy here to answer ${name}`);
    };
  }
}
const instance = await WebAssembly.instantiate(module, { ...wasi.getImportObject(), env });
// The library brings the filter's `_initialize` too, and a program may not have both.
const { _start, memory } = instance.exports;
process.exit(wasi.start({ exports: { _start, memory } }));
