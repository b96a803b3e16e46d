/* The version of this program, as $runtime gives it: the same for all builds of a
 * version, so that what a request renders stays the same. What tells builds apart is
 * BUILD_VERSION of cli/main.c. */
#ifndef STEPWELL_BASE_VERSION_H
#define STEPWELL_BASE_VERSION_H

#define STEPWELL_VERSION "0.1.0"

#endif
