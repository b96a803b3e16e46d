/* The texts of help, made from the table of commands. On stdout. */
#ifndef STEPWELL_HELP_H
#define STEPWELL_HELP_H

struct command;

void help_all(void);
void help_command(const struct command *c);

#endif
