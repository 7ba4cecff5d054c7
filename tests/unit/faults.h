/* Making allocations fail. A test that is linked with faults.c (fault_tests in meson.build) has malloc, calloc, realloc
 * and free of everything but the system's libraries replaced by ones that count, and that fail when they are told to.
 */
#ifndef POSW_TEST_FAULTS_H
#define POSW_TEST_FAULTS_H

#include <stddef.h>

/* The next `n` allocations succeed, then `count` fail, until faults_off. */
void faults_on(size_t n, size_t count);
/* How many have failed since faults_on. */
size_t faults_off(void);
/* Blocks in use. */
size_t faults_live(void);

#endif
