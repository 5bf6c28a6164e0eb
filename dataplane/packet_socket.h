// The sockets of net_af_packet ports, and their links. The driver has no receive interrupts and
// does not tell its sockets, but they are this process's, and readable when a frame is there.
#ifndef VIGIL_DATAPLANE_PACKET_SOCKET_H
#define VIGIL_DATAPLANE_PACKET_SOCKET_H

#include <stdbool.h>
#include <stdint.h>

// [C] After the port has started: the socket of receive queue `queue`. -1: another driver's port,
// or there are not as many sockets as queues.
int packet_socket_find(uint16_t port, uint16_t queue);
// [C] Is the kernel's interface behind the port up, and has it a carrier? The driver itself says
// yes for ever. A link that was down (`was_down`) is seen to be up at most a second later. 1, 0, or
// -1: another driver's port.
int packet_socket_link(uint16_t port, bool was_down);

#endif
