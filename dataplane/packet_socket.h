// The sockets of net_af_packet ports. The driver has no receive interrupts and does not tell its
// sockets, but they are this process's, and readable when a frame is there.
#ifndef VIGIL_DATAPLANE_PACKET_SOCKET_H
#define VIGIL_DATAPLANE_PACKET_SOCKET_H

#include <stdint.h>

// [C] After the port has started: the socket of receive queue `queue`. -1: another driver's port,
// or there are not as many sockets as queues.
int packet_socket_find(uint16_t port, uint16_t queue);

#endif
