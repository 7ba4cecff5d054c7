/* The heap of a process that does nothing but run worlds, in itself or in its children. */
#ifndef POSW_LAB_HEAP_H
#define POSW_LAB_HEAP_H

/* Asks for large pages for the first GiB, and keeps what is freed. Worlds touch hundreds of megabytes all over: with
 * pages of 4 KiB a third of their time goes into finding and clearing these. Once, before the first world, child and
 * thread; without such pages nothing changes but the speed. */
void heap_for_worlds(void);

#endif
