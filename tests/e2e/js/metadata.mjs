// What ExifReader finds in pictures: paths on standard input, one a line; a JSON object by path on standard output.
import { readFileSync } from 'node:fs';
import ExifReader from 'exifreader';

const found = {};
for (const path of readFileSync(0, 'utf8').split('\n').filter(Boolean)) {
    try {
        const groups = ExifReader.load(readFileSync(path), { expanded: true, includeUnknown: true });
        found[path] = {};
        for (const [group, tags] of Object.entries(groups)) {
            found[path][group] = Object.keys(tags);
        }
    } catch (error) {
        found[path] = { error: [String(error.message)] };
    }
}
process.stdout.write(JSON.stringify(found));
