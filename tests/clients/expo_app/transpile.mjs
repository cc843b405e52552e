// node transpile.mjs FILE.ts: the same program without its types, on stdout.
import { readFileSync } from "node:fs";
import ts from "typescript";

const { outputText } = ts.transpileModule(readFileSync(process.argv[2], "utf8"), {
  compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
});
process.stdout.write(outputText);
