/* The same tests over the code for processors without AVX-512, whatever this machine has. */
#define POSW_KECCAK_NO_AVX512 1

#include "crypto/keccak.c"
#include "crypto/keccak_x4.c"
#include "test-keccak.c"
