/* The same tests over the code for processors without BMI and AVX2, whatever this machine has. */
#define POSW_KECCAK_PORTABLE

#include "crypto/keccak.c"
#include "crypto/keccak_x4.c"
#include "test-keccak.c"
