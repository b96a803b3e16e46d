/* Texts of errors, which go into JSON and the database: valid UTF-8, one line. */
#ifndef STEPWELL_JSON_SCHEMA_TEXT_H
#define STEPWELL_JSON_SCHEMA_TEXT_H

/* Repairs a text that was valid UTF-8 and then cut to fit: drops a character that is not
 * whole at the end, puts spaces for control characters. */
void json_schema_text_repair(char *text);

#endif
