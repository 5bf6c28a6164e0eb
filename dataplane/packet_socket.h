// The sockets of net_af_packet ports, what they lost, and their links. The driver has no receive
// interrupts, counts nothing that it did not get and does not tell its sockets, but they are this
// process's: readable when a frame is there, and the kernel counts what it had no room for.
#ifndef VIGIL_DATAPLANE_PACKET_SOCKET_H
#define VIGIL_DATAPLANE_PACKET_SOCKET_H

#include <stdbool.h>
#include <stdint.h>

struct packet_sockets;

// [C] After the port has started. NULL: another driver's port, no memory, or there are not as many
// sockets as queues. (No other port has the same interface: port_open() refuses it.)
struct packet_sockets *packet_socket_open(uint16_t port);
// Forgets them; they are the driver's. NULL is good.
void packet_socket_close(struct packet_sockets *s);
// The socket of receive queue `queue`; -1: not known.
int packet_socket_of(const struct packet_sockets *s, uint16_t queue);
// Frames that the kernel dropped since the port was opened, since nobody had made room in the ring
// of a socket. It never falls. One thread at a time; NULL: 0.
uint64_t packet_socket_losses(struct packet_sockets *s);
// [C] Is the kernel's interface behind the port up, and has it a carrier? The driver itself says
// yes for ever. A link that was down (`was_down`) is seen to be up at most a second later. 1, 0,
// -ENODEV: there is no such interface any more, and one of its name would be another one; or
// -ENOTSUP: another driver's port.
int packet_socket_link(uint16_t port, bool was_down);

#endif
