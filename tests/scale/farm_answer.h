// What a farm's peer does when the gateway begins: it renews phase 1 (main mode, RFC 2409, 5.4) or
// an ESP SA (quick mode, 5.5), and the peer answers. Until the gateway has said that it gives up
// what was before, both hold.
#ifndef VIGIL_TESTS_SCALE_FARM_ANSWER_H
#define VIGIL_TESTS_SCALE_FARM_ANSWER_H

#include "farm_peer.h"
#include "isakmp.h"

// The IKE SA of the peer, its newest or the one before, that a message names by its cookies, or
// NULL.
struct farm_sa *farm_answer_sa(struct farm *f, uint32_t peer, const struct isakmp_header *h);
// A message of main mode that is not about the peer's own negotiation. False: it is.
bool farm_answer_main(struct farm *f, uint32_t peer, const struct isakmp_header *h,
                      const uint8_t *data, uint32_t now_ms);
// A message of a quick mode that the peer has not begun.
void farm_answer_quick(struct farm *f, uint32_t peer, struct farm_sa *sa,
                       const struct isakmp_header *h, const uint8_t *data, uint32_t now_ms);
// A quick mode is over, whoever has begun it: from here on the peer sends by the new ESP SA, and if
// that `renews` receives by the one before too. False: its keys cannot be made.
bool farm_take_over(struct farm *f, uint32_t peer, const struct farm_sa *sa,
                    const struct ike1_quick *q, uint32_t spi_in, uint32_t spi_out, bool renews,
                    uint32_t now_ms);
// What has an SPI that is not the newest one's: the keys of the SA before, or NULL.
struct farm_esp *farm_answer_esp(const struct farm_peer *p, uint32_t spi);
// The gateway has deleted the IKE SA before the newest.
void farm_answer_old_gone(struct farm *f, uint32_t peer);
// Repeats what had no answer, and forgets what is long over.
void farm_answer_timeout(struct farm *f, uint32_t peer, uint32_t now_ms);
void farm_answer_forget(struct farm_peer *p);

#endif
