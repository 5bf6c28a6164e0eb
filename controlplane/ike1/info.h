// Informational exchanges (RFC 2409, 5.7): notifies and deletes. Control core only.
#ifndef VIGIL_IKE1_INFO_H
#define VIGIL_IKE1_INFO_H

#include "dp.h"
#include "isakmp.h"

struct control;
struct ike_sa;

#define INFO_MESSAGE_MAX 512 // bytes of an informational message that we build

// An informational message that is being written: payloads go to `m`.
struct info_message {
	struct isakmp_message m;
	uint32_t message_id;
	uint16_t len;     // once sent
	uint16_t to_port; // where it goes; 0 = to the IKE SA's
	uint8_t buf[INFO_MESSAGE_MAX];
};

void info_begin(struct control *c, struct ike_sa *sa, struct info_message *im);
// Authenticates, encrypts, sends. 0 or -errno.
int info_send(struct control *c, struct ike_sa *sa, struct info_message *im);
// A notify of its own to this port (0: the IKE SA's); spi: an ESP SPI in host order, or 0.
void info_notify(struct control *c, struct ike_sa *sa, uint16_t port, uint16_t type, uint32_t spi);
// Answers a first message that is refused, in clear: at most a few a second, and never with more
// bytes than came.
void info_refuse_stranger(struct control *c, const struct dp_view *v, const struct isakmp_header *h,
                          uint16_t type);
// Whether an authentic message of any exchange says INITIAL-CONTACT beside what it is about (RFC
// 2407, 4.6.3.3). message_id: 0 = phase 1.
bool info_has_initial_contact(struct control *c, const struct ike_sa *sa,
                              const struct isakmp_chain *chain, uint32_t message_id);
// What an authentic message 6 says beside the rest: the responder, Cisco's do so, may accept our
// lifetime and then end the IKE SA earlier (RFC 2407, 4.6.3.1).
void info_take_lifetime(struct control *c, struct ike_sa *sa, const struct isakmp_chain *chain);
// An informational message of an IKE SA. The SA may be gone afterwards.
void info_input(struct control *c, struct ike_sa *sa, const struct dp_view *v,
                const struct isakmp_header *h);

#endif
