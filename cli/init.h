/*
 * The first process of a container.
 */
#ifndef STEPWELL_INIT_H
#define STEPWELL_INIT_H

/* In the first process of its namespace: becomes its init, which waits for whatever has
 * lost its parent and passes signals on, and returns in a child, which is the program.
 * The init ends as the child does. Anywhere else it returns at once. To be called before
 * anything is opened. */
void init_become(void);

#endif
