/* posw-lab: the program behind `posw lab`. A program of its own, so that a node carries none of it; both share the
 * command line's tables. */
#include "cli/cli.h"

int main(int argc, char **argv) {
    return cli_main(argc, argv);
}
