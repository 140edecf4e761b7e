import os from 'node:os';
import path from 'node:path';

/**
 * The folder that holds downloaded models: STARLING_HOME, else where the platform keeps caches
 * (`$XDG_CACHE_HOME/starling` or `~/.cache/starling`, `~/Library/Caches/starling`, `%LOCALAPPDATA%\starling`).
 */
export function defaultHome(
  environment: NodeJS.ProcessEnv = process.env,
  platform: NodeJS.Platform = process.platform,
): string {
  if (environment.STARLING_HOME) return path.resolve(environment.STARLING_HOME);
  if (platform === 'win32')
    return path.join(environment.LOCALAPPDATA ?? path.join(os.homedir(), 'AppData', 'Local'), 'starling');
  if (platform === 'darwin') return path.join(os.homedir(), 'Library', 'Caches', 'starling');
  return path.join(environment.XDG_CACHE_HOME || path.join(os.homedir(), '.cache'), 'starling');
}
