// AES-CBC with an HMAC of the SHA family.
#ifndef VIGIL_DATAPLANE_CRYPTO_CBC_H
#define VIGIL_DATAPLANE_CRYPTO_CBC_H

#include "crypto.h"

struct crypto_cbc;

// [W] NULL: no memory.
struct crypto_cbc *crypto_cbc_create(void);
void crypto_cbc_destroy(struct crypto_cbc *c);
// As crypto_encrypt() and crypto_decrypt(), of items whose SAs have SA_ENGINE_CBC, or all of them
// SA_ENGINE_CBC_ESN (`esn`).
bool crypto_cbc_run(struct crypto_cbc *c, IMB_MGR *mgr, bool esn, struct crypto_item *items,
                    unsigned n, bool encrypt);

#endif
