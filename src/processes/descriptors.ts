/** Descriptors that `up` hands to a child. */

/** The child's end of the pipe that brings its settings; its end stops the child. */
export const CONTROL_FD = 3;
/** The listening socket of each child. */
export const LISTEN_FD = 4;
/** The first of the open files and pipes that a reader is given. */
export const FIRST_READER_FD = 5;
/** The sentry's second listening socket, for bytes of logs. */
export const LOGS_FD = 5;
/** The sentry's end of the file in which the warden tells what each account has sent: to be read. */
export const SENTRY_COUNTS_FD = 6;
/** The warden's: to be written. */
export const WARDEN_COUNTS_FD = 5;
