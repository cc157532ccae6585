globalThis.__BUILD_MANIFEST = {
  "pages": {
    "/_app": []
  },
  "devFiles": [],
  "polyfillFiles": [
    "static/chunks/0cz1d0mv5g_q7.js"
  ],
  "lowPriorityFiles": [
    "static/Rjh8mL7wkE1x7JePitD1m/_buildManifest.js",
    "static/Rjh8mL7wkE1x7JePitD1m/_ssgManifest.js",
    "static/Rjh8mL7wkE1x7JePitD1m/_clientMiddlewareManifest.js"
  ],
  "rootMainFiles": [
    "static/chunks/131r-zq2vho8m.js",
    "static/chunks/2py97hwkowe4m.js",
    "static/chunks/04w_edauea2je.js",
    "static/chunks/turbopack-077hmtqrhcoji.js"
  ],
  "rootMainFilesTree": {},
  "pagesChunkGroupBootstrapParams": {
    "/_not-found/page": {
      "otherChunks": [
        "static/chunks/131r-zq2vho8m.js",
        "static/chunks/2py97hwkowe4m.js",
        "static/chunks/04w_edauea2je.js"
      ],
      "runtimeModuleIds": [
        82005
      ]
    },
    "/_global-error/page": {
      "otherChunks": [
        "static/chunks/131r-zq2vho8m.js",
        "static/chunks/2py97hwkowe4m.js",
        "static/chunks/04w_edauea2je.js"
      ],
      "runtimeModuleIds": [
        82005
      ]
    }
  },
  "chunkLoadingGlobal": "TURBOPACK"
};
