#include "cluster.h"

#include "base/error.h"

#include <limits.h>
#include <mpi.h>
#include <stdlib.h>

/* MPI ends the whole run by itself when one of its calls fails, so that nothing is to be checked here. */

int lab_cluster_join(int *rank, int *size) {
    int level;
    MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &level);
    MPI_Comm_rank(MPI_COMM_WORLD, rank);
    MPI_Comm_size(MPI_COMM_WORLD, size);
    return POSW_OK;
}

bool lab_cluster_all(bool mine) {
    int in = mine, out = 0;
    MPI_Allreduce(&in, &out, 1, MPI_INT, MPI_LAND, MPI_COMM_WORLD);
    return out != 0;
}

/* Process 0 receives from each in turn. A buffer is below 2^30 bytes, which an int holds. */
bool lab_cluster_gather(posw_buf *all, const posw_buf *mine) {
    int rank, size;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    if (rank != 0) {
        MPI_Send(mine->data, (int)mine->size, MPI_BYTE, 0, 0, MPI_COMM_WORLD);
        return true;
    }
    posw_buf_reset(all);
    posw_buf_append(all, mine->data, mine->size);
    for (int from = 1; from < size; from++) {
        MPI_Status status;
        int count;
        MPI_Probe(from, 0, MPI_COMM_WORLD, &status);
        MPI_Get_count(&status, MPI_BYTE, &count);
        uint8_t *place = posw_buf_extend(all, (size_t)count);
        if (place == NULL) return false;
        MPI_Recv(place, count, MPI_BYTE, from, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    }
    return !all->failed;
}

void lab_cluster_leave(void) {
    MPI_Finalize();
}
