/* `posw lab`. */
#ifndef POSW_CLI_LAB_H
#define POSW_CLI_LAB_H

/* Replaces this process by posw-lab with the same arguments. Returns only when that fails: an exit code, after its
 * sentence. */
int cli_lab_main(char **argv);

#endif
