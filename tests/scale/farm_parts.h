// What both roles of a farm's peer need (farm_peer.c begins, farm_answer.c answers) and the
// informational exchanges, which have none.
#ifndef VIGIL_TESTS_SCALE_FARM_PARTS_H
#define VIGIL_TESTS_SCALE_FARM_PARTS_H

#include "farm_peer.h"
#include "ike1_message.h"

#define FARM_NONCE_LEN      16  // of ours
#define FARM_NONCE_LEN_MAX  256 // of the gateway's
#define FARM_SA_PAYLOAD_MAX 256
#define FARM_TRIES_MAX      4
#define FARM_RETRY_MS       2000u
#define FARM_IKE_PORT       500

// Never 0.
uint32_t farm_random_id(void);
struct isakmp_header farm_header(const struct farm_sa *sa, enum isakmp_exchange exchange,
                                 uint32_t message_id, uint8_t flags);
// Begins a message of phase 2 or an informational one, in a buffer of FARM_MESSAGE_MAX bytes.
void farm_message_begin(const struct farm *f, const struct farm_sa *sa,
                        enum isakmp_exchange exchange, uint32_t message_id,
                        struct isakmp_message *m, uint8_t *buf);
// What phase 2 is about, from the peer's side.
struct selector farm_selector(uint32_t peer);
enum sa_encap farm_encap(const struct farm *f);
// Two NAT-D payloads for a peer that says it is behind a NAT: the gateway's address as it is, and
// an own one that is not.
void farm_put_nat_d(struct farm *f, const struct farm_sa *sa, uint16_t port,
                    struct isakmp_message *m);
// Messages 5 and 6 of main mode. Begins one that is sealed: identity, and HASH_I or HASH_R over it.
void farm_auth_begin(struct farm *f, uint32_t peer, const struct farm_sa *sa, bool is_5,
                     const struct ike1_phase1 *in, const struct ike1_skeyid *skeyid,
                     struct isakmp_message *m, uint8_t *buf);
// Opens the gateway's, and takes its IV over. False: it is not authentic.
bool farm_auth_open(struct farm *f, struct farm_sa *sa, bool is_5, const struct ike1_phase1 *in,
                    const struct ike1_skeyid *skeyid, const struct isakmp_header *h,
                    const uint8_t *data);
// The keys of both directions. NULL: they cannot be made.
struct farm_esp *farm_esp_make(struct farm *f, const struct farm_sa *sa, const struct ike1_quick *q,
                               uint32_t spi_in, uint32_t spi_out);

// farm_info.c: an informational message of the gateway, under this IKE SA of the peer.
void farm_info_in(struct farm *f, uint32_t peer, struct farm_sa *sa, const struct isakmp_header *h,
                  const uint8_t *data, uint32_t now_ms);

#endif
