/* The version of this program, as `wfctl version`, User-Agent and $runtime give it. */
#ifndef STEPWELL_VERSION_H
#define STEPWELL_VERSION_H

#define STEPWELL_VERSION "0.1.0"

#endif
