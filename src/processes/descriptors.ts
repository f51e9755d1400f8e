/** Descriptors that `up` hands to a child. */

/** The child's end of the pipe that brings its settings; its end stops the child. */
export const CONTROL_FD = 3;
/** The listening socket of each child. */
export const LISTEN_FD = 4;
/** The sentry's second listening socket, for bytes of logs. */
export const LOGS_FD = 5;
