// Compiles shaders with Tint, the compiler of Chromium, through Dawn without a driver.
// node tint.mjs FOLDER-OF-THE-WEBGPU-PACKAGE SHADER.wgsl ...: prints what is wrong with each; nothing if all are right.

import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [folder, ...files] = process.argv.slice(2);
const { create } = await import(pathToFileURL(join(folder, 'index.js')));
const gpu = create(['backend=null']);
const adapter = await gpu.requestAdapter();
const device = await adapter.requestDevice({ requiredFeatures: ['subgroups'] });
// Faults are read below, whole; Dawn would print them too.
device.onuncapturederror = (event) => event.preventDefault();
for (const file of files) {
    device.pushErrorScope('validation');
    const module = device.createShaderModule({ code: readFileSync(file, 'utf8') });
    const { messages } = await module.getCompilationInfo();
    await device.popErrorScope();
    if (messages.some(({ type }) => type === 'error')) {
        for (const { type, lineNum, linePos, message } of messages) {
            console.log(`${basename(file)}:${lineNum}:${linePos}: ${type}: ${message}`);
        }
    }
}
device.destroy();
