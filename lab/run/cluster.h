/* The processes that one sweep runs on: started by mpirun on the machines of a cluster, or this one alone. Built with
 * MPI under the option `mpi` (cluster_mpi.c), else without (cluster_alone.c). Bytes are gathered in the order of the
 * processes, so that what is made of them does not depend on who was faster. Used by the main thread. */
#ifndef POSW_LAB_CLUSTER_H
#define POSW_LAB_CLUSTER_H

#include "base/buf.h"

/* Joins. *rank: this process, from 0; *size: how many there are. POSW_EUNSUPPORTED: mpirun has started several of a
 * program that was built without MPI. */
POSW_MUST_USE int lab_cluster_join(int *rank, int *size);
/* True iff it is true for every process. */
bool lab_cluster_all(bool mine);
/* On process 0 replaces the contents of `all` by those of every process's `mine`, one after the other; the others keep
 * theirs. False: out of memory, on process 0. */
bool lab_cluster_gather(posw_buf *all, const posw_buf *mine);
/* Before the end of a program that has joined. */
void lab_cluster_leave(void);

#endif
