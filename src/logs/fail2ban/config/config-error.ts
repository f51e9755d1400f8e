import { GarrisonError } from "#src/lib/errors.ts";

/** The error of a configuration of fail2ban that cannot be read as fail2ban reads it. */
export function configError(message: string): GarrisonError {
  return new GarrisonError("GARRISON_FAIL2BAN_CONFIG", message);
}
