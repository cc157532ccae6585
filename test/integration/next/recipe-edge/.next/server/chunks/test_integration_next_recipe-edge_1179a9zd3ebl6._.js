module.exports=[81846,e=>{"use strict";async function s(){await e.A(37635)}e.s(["register",0,s])},37635,e=>{e.v(s=>Promise.all(["server/chunks/[externals]__1z1v93vqu5i82._.js","server/chunks/[root-of-the-server]__1_idvumch2f4f._.js"].map(s=>e.l(s))).then(()=>s(61600)))}];

//# sourceMappingURL=test_integration_next_recipe-edge_1179a9zd3ebl6._.js.map