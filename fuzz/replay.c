/* main for a fuzz target without libFuzzer: runs it over the files that are named, and over those in folders that are
 * named. */
#include "fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static int run_file(const char *path) {
    uint8_t chunk[65536];
    posw_buf b = {0};
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        perror(path);
        return 0;
    }
    for (size_t n; (n = fread(chunk, 1, sizeof chunk, f)) > 0;)
        posw_buf_append(&b, chunk, n);
    (void)fclose(f);
    /* Exactly sized memory, so that a sanitizer sees each byte read beyond. */
    uint8_t *exact = malloc(b.size > 0 ? b.size : 1);
    POSW_ASSERT(exact != NULL && !b.failed);
    if (b.size > 0) memcpy(exact, b.data, b.size);
    (void)LLVMFuzzerTestOneInput(exact, b.size);
    free(exact);
    posw_buf_clear(&b);
    return 1;
}

static int run_folder(const char *path) {
    char name[4096];
    int count = 0;
    DIR *dir = opendir(path);
    if (dir == NULL) {
        perror(path);
        return 0;
    }
    for (const struct dirent *e; (e = readdir(dir)) != NULL;) {
        if (e->d_name[0] == '.') continue;
        (void)snprintf(name, sizeof name, "%s/%s", path, e->d_name);
        count += run_file(name);
    }
    (void)closedir(dir);
    return count;
}

int main(int argc, char **argv) {
    int count = 0;
    for (int i = 1; i < argc; i++) {
        struct stat st;
        const bool is_folder = stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode);
        count += is_folder ? run_folder(argv[i]) : run_file(argv[i]);
    }
    printf("%d inputs\n", count);
    return count > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
