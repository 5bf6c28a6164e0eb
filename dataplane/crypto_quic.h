// AES-GCM for packets of one key in one call, where the installed ipsec-mb has it: imb_quic_aes_gcm
// of 1.4 to 2.0, made for QUIC, whose records are to it what ESP packets are. The build looks for
// it (option imb_quic) and sets CRYPTO_QUIC to 1; otherwise crypto_quic.c is not part of it.
// What 2.0 does faster for packets of up to 256 bytes is behind the call for one packet too, so an
// ipsec-mb without this call (1.3, and those after 2.0) loses nothing but the call. [W]
#ifndef VIGIL_DATAPLANE_CRYPTO_QUIC_H
#define VIGIL_DATAPLANE_CRYPTO_QUIC_H

#include "crypto.h"

#ifndef CRYPTO_QUIC
#define CRYPTO_QUIC 0
#endif

// How many items in front are of one SA.
static inline unsigned crypto_quic_run(const struct crypto_item *items, unsigned n)
{
	unsigned k = 1;

	while (k < n && items[k].sa == items[0].sa)
		k++;
	return k;
}

// A single packet gains nothing, and QUIC has no keys of 192 bits.
static inline bool crypto_quic_takes(const struct sa *sa, unsigned n)
{
	return n > 1 && sa->key_len != IMB_KEY_192_BYTES;
}

// All n items are of one SA that it takes; sets their `ok`. True: all are good.
bool crypto_quic(IMB_MGR *mgr, bool esn, struct crypto_item *items, unsigned n, bool encrypt);

#endif
