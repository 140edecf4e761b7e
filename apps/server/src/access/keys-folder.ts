import os from 'node:os';
import path from 'node:path';

/** Where keys are kept unless another file is named: `keys.json` in `STARLING_HOME`, else in the folder where the platform keeps settings. */
export function defaultKeysFile(
  environment: Readonly<Record<string, string | undefined>>,
  platform: NodeJS.Platform = process.platform,
): string {
  return path.join(environment.STARLING_HOME || settingsFolder(environment, platform), 'keys.json');
}

function settingsFolder(environment: Readonly<Record<string, string | undefined>>, platform: NodeJS.Platform): string {
  if (platform === 'win32')
    return path.join(environment.APPDATA || path.join(os.homedir(), 'AppData', 'Roaming'), 'starling');
  if (platform === 'darwin') return path.join(os.homedir(), 'Library', 'Application Support', 'starling');
  return path.join(environment.XDG_CONFIG_HOME || path.join(os.homedir(), '.config'), 'starling');
}
